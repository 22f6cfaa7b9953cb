import java.awt.image.BufferedImage;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Calendar;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.SignatureOptions;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.visible.PDVisibleSigProperties;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.visible.PDVisibleSignDesigner;
import org.apache.pdfbox.pdmodel.interactive.form.PDField;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

/** PDFBox at work: {@code Sign KEY.p12 PASSWORD HOW IN OUT ...}; HOW is invisible, visible or fill. */
public class Sign {
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        char[] password = arguments[1].toCharArray();
        try (InputStream in = new FileInputStream(arguments[0])) {
            store.load(in, password);
        }
        String alias = store.aliases().nextElement();
        PrivateKey key = (PrivateKey) store.getKey(alias, password);
        Certificate[] chain = store.getCertificateChain(alias);
        for (int at = 2; at + 2 < arguments.length; at += 3) {
            try (PDDocument document = PDDocument.load(new File(arguments[at + 1]));
                    OutputStream out = new FileOutputStream(arguments[at + 2])) {
                if (arguments[at].equals("fill")) {
                    fill(document);
                } else {
                    sign(document, arguments[at].equals("visible"), key, chain);
                }
                document.saveIncremental(out);
            }
        }
    }

    private static void fill(PDDocument document) throws Exception {
        PDField field = document.getDocumentCatalog().getAcroForm().getField("amount");
        field.setValue("250");
        // PDFBox writes what is marked, and looks for it from the catalog on.
        document.getDocumentCatalog().getCOSObject().setNeedToBeUpdated(true);
        document.getDocumentCatalog().getAcroForm().getCOSObject().setNeedToBeUpdated(true);
        field.getCOSObject().setNeedToBeUpdated(true);
        field.getWidgets().get(0).getAppearance().getCOSObject().setNeedToBeUpdated(true);
        field.getWidgets().get(0).getAppearance().getNormalAppearance().getAppearanceStream().getCOSObject()
                .setNeedToBeUpdated(true);
    }

    private static void sign(PDDocument document, boolean visible, PrivateKey key, Certificate[] chain) throws Exception {
        PDSignature signature = new PDSignature();
        signature.setFilter(PDSignature.FILTER_ADOBE_PPKLITE);
        signature.setSubFilter(PDSignature.SUBFILTER_ADBE_PKCS7_DETACHED);
        signature.setName("Signer");
        signature.setSignDate(Calendar.getInstance());
        SignatureOptions options = new SignatureOptions();
        options.setPreferredSignatureSize(20_000);
        if (visible) {
            BufferedImage image = new BufferedImage(200, 60, BufferedImage.TYPE_INT_RGB);
            PDVisibleSignDesigner designer = new PDVisibleSignDesigner(document, image, 1);
            designer.xAxis(300).yAxis(600).zoom(0).signatureFieldName("boxed");
            PDVisibleSigProperties properties = new PDVisibleSigProperties();
            properties.signerName("Signer").signatureReason("Agreed").page(1).visualSignEnabled(true)
                    .setPdVisibleSignature(designer);
            properties.buildSignature();
            options.setVisualSignature(properties.getVisibleSignature());
            options.setPage(0);
        }
        document.addSignature(signature, content -> cms(content.readAllBytes(), key, chain), options);
    }

    private static byte[] cms(byte[] content, PrivateKey key, Certificate[] chain) {
        try {
            CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
            var signer = new JcaContentSignerBuilder("SHA256withRSA").build(key);
            var digests = new JcaDigestCalculatorProviderBuilder().build();
            generator.addSignerInfoGenerator(
                    new JcaSignerInfoGeneratorBuilder(digests).build(signer, (X509Certificate) chain[0]));
            generator.addCertificates(new JcaCertStore(Arrays.asList(chain)));
            return generator.generate(new CMSProcessableByteArray(content), false).getEncoded();
        } catch (Exception problem) {
            throw new IllegalStateException(problem);
        }
    }
}
